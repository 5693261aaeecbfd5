"""Pure functions of (value, now): schedules, zones and catching up."""
