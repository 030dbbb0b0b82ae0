"""Reports: a run, a sweep or a study as one HTML file that needs neither server nor network."""
