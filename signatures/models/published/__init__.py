"""Of the models of who asked, those whose words the public reads: they are in the catalogs."""
