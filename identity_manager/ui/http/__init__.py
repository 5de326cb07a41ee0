"""Requests and responses of both portals: error pages, security headers, trusted proxies, htmx fragments."""
