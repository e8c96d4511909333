"""Steps that several commands share: read, prepare, fit, evaluate, calibrate, forecast, save."""
