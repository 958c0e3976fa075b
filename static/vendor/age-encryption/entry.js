// What the desk's pages need of the package, and no more: the rest is left out of the bundle.
export { Decrypter, Encrypter, generateX25519Identity, identityToRecipient } from "age-encryption";
