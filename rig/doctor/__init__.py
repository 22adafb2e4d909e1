"""The bench doctor: is this bench, with its computer, fit for a run? It reads; nothing moves."""
