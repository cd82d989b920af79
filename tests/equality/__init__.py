"""One recording, scored in every way there is: the records are the same, field by field.

`python -m tests.equality --data FOLDER` shows it on every recording of some data sets.
"""
