print("another component")
