need ninja ninja-build
passes 'ninja check' ninja check
names_the_mistake 'ninja check-twice' ninja check-twice
