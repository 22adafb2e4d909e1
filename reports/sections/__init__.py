"""The fifteen parts of a report, each made from the stored document alone."""
