import Masix

print("Masix is here")
