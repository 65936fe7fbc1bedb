"""The network of a policy file once more, for measurements beside ONNX Runtime.

in_torch.py  in PyTorch
compiled.py  as compiled C, from the header of `c_header`; needs no PyTorch
"""
