"""The screens, one file each, in folders by area; a script directly in here would bypass app.py."""
