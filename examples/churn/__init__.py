"""The reference application on real data: customers of a telephone company, their complaints, and who will leave."""
