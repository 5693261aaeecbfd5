"""Programs to read and to run: a day of an agent (`make run`), and three small ones."""
