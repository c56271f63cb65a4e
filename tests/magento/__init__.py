"""The client for one shop, against real local HTTP and against what a running Magento answered."""
