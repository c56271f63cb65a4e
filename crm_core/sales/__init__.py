"""What people do with carts and orders: synchronise, mark lost, reopen, place the order."""
