"""The product without a screen: reads Magento shops into the store, and lets people act on what is there."""
