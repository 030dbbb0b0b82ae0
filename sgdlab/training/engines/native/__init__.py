"""The native engine: compiled training steps, one file a layer of them."""
