"""What the tests of the whole system share: programs, a site, clients, load, memory."""
