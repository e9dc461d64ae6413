"""The parts of the scripted fake Kubernetes API server. One noun per file; nothing here shares code with the product."""
