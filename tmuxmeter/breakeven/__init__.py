"""Whether working in parallel pays: the model, the light, calibration. Pure functions, no I/O."""
