"""How fast one replica serves: kernels, steps, loads, memory."""
