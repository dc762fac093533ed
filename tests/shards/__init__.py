"""Several databases: releases in all of them, and tables that are spread over them."""
