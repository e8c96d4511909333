"""How good forecasts are: metrics, error scales, significance, verdict."""
