"""Small libraries without models or apps; everything else may import them."""
