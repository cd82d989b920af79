"""Checkpoints into ONNX files: float, quantized, compressed."""
