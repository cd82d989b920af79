"""What the page's server answers, one module for each resource: routes and their records."""
