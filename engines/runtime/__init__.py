"""Runtimes: one interface over ONNX Runtime and TensorRT, with explicit states."""
