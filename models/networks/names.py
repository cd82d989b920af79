"""The names of families and presets, for whoever must not wait for torch."""

FAMILIES = (
    *("drsn-twin", "se-twin", "res-twin", "drsn-order", "se-order", "res-order"),
    *("drsn-env", "se-env", "res-env", "drsn-cw", "drsn-cs", "resnet", "senet", "convnet"),
    *("drsn-mel", "se-mel", "res-mel", "wdcnn"),
)
PRESETS = ("small", "deploy")  # every family has them; some have more
READ_RUNNING = FAMILIES[:6]  # the shaft's speed and the bearing's orders
