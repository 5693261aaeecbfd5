"""Decide what is due, run it, and write down what became of it."""
