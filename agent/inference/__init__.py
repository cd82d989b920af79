"""Model files: the ONNX classifier, the zoo, file variants, signed bundles, installed models."""
