"""Writers: from a program to a file of another tool."""
