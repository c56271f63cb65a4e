"""What people do: check, change and order carts, start new ones, mark them lost, and act on orders."""
