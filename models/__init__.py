"""Networks, training, export and quantization for drsn-agent, and the zoo of released models.

This file and `models.zoo` are free of torch; everything else here may need the `train` extra.
"""
