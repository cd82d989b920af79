"""Released networks: one .onnx file each, with its model card (.md) and its recipe (.yaml)."""
