"""Tables larger than memory: `stored` opens one, which `stream` reads once into mapped files."""
