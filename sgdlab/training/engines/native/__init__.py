"""The native engine: compiled training steps, one file a layer of them."""

from sgdlab.training.engines.native.engine import NativeEngine

ENGINE = NativeEngine
