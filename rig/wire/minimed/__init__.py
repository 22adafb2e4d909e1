"""What MiniMed pumps of families 22 and 23 say and understand, byte by byte."""
