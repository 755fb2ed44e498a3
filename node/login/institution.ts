/** What a site is told of the institution where its people log in, and what that tells of a person. */

export type InstitutionConfig = {
  /** The provider's own name for itself, an address; its discovery document lies below it. */
  readonly issuer: string
  readonly clientId: string
  readonly clientSecret?: string | undefined
  /** A file that holds the secret and nothing else; read when the provider is asked. */
  readonly clientSecretFile?: string | undefined
  /** As people call it: `Log in at NAME`. */
  readonly name: string
  readonly scopes?: readonly string[] | undefined
  /** The claim that lists a person's groups there. Without it groups take nothing over. */
  readonly groupsClaim?: string | undefined
  /** People whom nobody here knows get an account. */
  readonly create?: boolean | undefined
  /** Only for addresses in these domains is the provider believed; unless said, for all. */
  readonly domains?: readonly string[] | undefined
  /** The provider never says whether an address is verified, and all of its are. */
  readonly trustEmail?: boolean | undefined
}

/** Who somebody is there. */
export type Told = {
  readonly issuer: string
  /** The provider's own name for the person, which never changes and is never given to another. */
  readonly sub: string
  /** As it was told; undefined when none was. */
  readonly email: string | undefined
  readonly isVerified: boolean
  readonly name: string
  /** Undefined without `groupsClaim`: then nothing is taken over. */
  readonly groups: readonly string[] | undefined
}
