"""What all pages of the portal share: the shell's context, error pages, looks and wordings."""
