"""A recording's score for a person: a table of its states, a verdict, a page."""
