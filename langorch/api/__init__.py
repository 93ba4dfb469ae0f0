"""The root of the REST API: addresses, errors, parsing, schema and its pages."""
