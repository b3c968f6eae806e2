"""ONNX files: protobufs turned into plain values once, then read as graphs of our layers (§1)."""
