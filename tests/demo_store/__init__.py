"""The demo store answers as a running Magento did."""
