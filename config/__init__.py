"""The bench file, the sample file and what they must look like."""
