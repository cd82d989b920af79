"""The history of each source's measurements on the box: a row a minute, an hour and a day."""
