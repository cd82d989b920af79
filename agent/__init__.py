"""drsn-agent: an edge daemon that classifies machine faults from vibration or sound.

Data flows one way: source, ring, window, classify, decide, outbox, sink.

Importing this package switches ONNX Runtime's telemetry off, here and nowhere else: from
1.29 on, ONNX Runtime writes an identity file and opens sockets while it is being imported
unless this variable is set *before*. Every entry point passes this line first.

NumPy's OpenBLAS starts a thread for each core and lets it spin while another one multiplies. The
products here are small: one thread is as fast and leaves the other cores alone.
"""

import os

os.environ["ORT_DISABLE_TELEMETRY"] = "1"
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

__version__ = "0.2.0"
