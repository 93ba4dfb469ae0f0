"""CKP, the procedure language: documents in, checked and bound procedures out. Pure, no Django, no network."""
