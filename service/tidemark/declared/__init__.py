"""What is declared in YAML: values that know their line, so that every mistake is told where it stands."""
