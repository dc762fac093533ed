"""The writer of ONNX graphs: standard operators, in double."""
