"""The gallery: each part of the pages with specimens, in the embedded mode alone."""
