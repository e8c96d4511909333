"""What `init` works out for a table: roles of columns, series, seasonality, sizes."""
