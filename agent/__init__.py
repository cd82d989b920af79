"""drsn-agent: an edge daemon that classifies machine faults from vibration or sound.

Data flows one way: source, ring, window, classify, decide, outbox, sink.

Importing this package switches ONNX Runtime's telemetry off, here and nowhere else: from
1.29 on, ONNX Runtime writes an identity file and opens sockets while it is being imported
unless this variable is set *before*. Every entry point passes this line first.
"""

import os

os.environ["ORT_DISABLE_TELEMETRY"] = "1"

__version__ = "0.2.0"
